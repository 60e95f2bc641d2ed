"""What is done for whom next month: offers, audiences with control groups, labels for the CRM."""
