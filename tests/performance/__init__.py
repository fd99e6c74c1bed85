"""What the hot path costs, counted: nothing here looks at a clock."""
