"""What customers tell the company: satisfaction, complaints, service, themes and tone."""
