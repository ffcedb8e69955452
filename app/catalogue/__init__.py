"""The catalogue as tabs see it, and data of the user's own on their way into it."""
