"""Helpers of a course on homomorphic encryption: parameters, schemes, tables, server, roles, lab."""
