"""What every page is made of: widgets, words, the socket, faults into sentences, work aside. Nothing of the data."""
