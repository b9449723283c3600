"""What a role does about the server's audit trail: witness it, and give an outsider what an audit needs."""
