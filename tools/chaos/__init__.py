"""What faults cost those who listen: of processes, networks, the machine."""
