"""Report: from executed notebooks to pages that people read."""
