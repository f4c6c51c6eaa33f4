"""``python -m waitlist``: the same as the command ``waitlist``."""

from waitlist.cli import main

main()
