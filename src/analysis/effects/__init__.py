"""Whether what was done helped: campaigns with controls, the scorecard, the flow of work, loyalty."""
