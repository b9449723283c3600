"""What an administrator looks at and records before a result may leave."""
