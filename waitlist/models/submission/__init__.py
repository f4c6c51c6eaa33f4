"""What a submission to the region holds: control charts of what came, and counts safe to publish."""
