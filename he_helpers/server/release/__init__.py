"""The service of encrypted tables: accounts, datasets, release requests, what is refused by policy, the audit trail."""
