"""What a run computes besides the scores of each product: one file for each kind of question."""
