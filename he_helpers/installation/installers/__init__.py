"""What installs: uv and pip for wheels, and Pyfhel, which is compiled."""
