"""The stages of a run, each declared once: what it writes, what it reads, the settings it receives, and the function that does its work.

* What runs again when a setting or outside input changes: docs/stages.md, which `stages_page.py` writes from the declarations.
* How it is decided that a stage runs again: `stage_log.py`, which compares digests of what the stage reads and what it left.
* Source, dates and deliveries of a run: `run_plan.py`.
"""
