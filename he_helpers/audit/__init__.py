"""The audit trail as a hash chain, heads that witnesses sign, and an audit of a dataset by somebody without a key.

``python -m he_helpers.audit BUNDLE`` checks what an administrator wrote for an outsider.
"""
