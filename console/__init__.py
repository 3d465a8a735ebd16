"""What a person watches: read-only views of the runner's journal. The only place with the web framework."""
