"""What a rule becomes. Each face reads the rule; no rule knows a face's backend."""
