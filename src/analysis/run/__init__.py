"""Run: settings, months, the pipeline, publication, the command line."""
