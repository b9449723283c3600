"""What a server keeps of datasets: uploads on their way in, parts, policies, moves to another key."""
