"""The written files of a trajectory submission: its CSV, its workbook, and an organisation's own template filled."""
