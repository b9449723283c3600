"""What a lecturer needs: students' versions of the labs, and grading of what comes back, as untrusted code.

    notebooks/labs/  ─ assignments ─►  students' versions  ·····►  submissions  ─ grading ─►  grades.csv, feedback/
    (solved; the only source)                                          │   ▲
                                                        code of others ▼   │ outputs
                                                                      sandbox/

labs: which there are. course: nbgrader's course in a folder, behind few words. submissions: what was handed in, read as
data from strangers. sandbox: where its code runs. It needs the set `teaching` of requirements.lock.
"""
