"""What both services do with a request: HTTP itself, bodies, jobs for workers, problem documents."""
