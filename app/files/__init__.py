"""What the page gives away: pictures, tables, data, code."""
