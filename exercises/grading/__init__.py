"""The class grader: `python -m exercises grade SUBMISSIONS --out REPORT`.

What a submission goes through, in order: `intake` finds, reads and rebuilds it, and executes
nothing; `sandbox` runs it, with `inside` as what asks there; `job` judges what came back;
`course` merges it into nbgrader's gradebook; `report` writes the pages. `batch` does so for a
whole class, and `settings` has all limits.

Nothing is imported here, as a student's installation has no nbgrader.
"""
