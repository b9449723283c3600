"""What a role keeps: its keys behind a passphrase, the public keys of others, and what is sealed with them."""
