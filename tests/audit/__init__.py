"""Tests of the audit trail as a hash chain, of heads, and of an outsider's audit."""
