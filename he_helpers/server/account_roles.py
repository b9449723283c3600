"""The roles that have accounts at the server; apart from `accounts`, which loads the database's library."""

ACCOUNT_ROLES = ("administrator", "analyst", "custodian")
