"""The stages of the main job: one `run()` each, free of Prefect, called by dvc.yaml and by the flows alike."""
