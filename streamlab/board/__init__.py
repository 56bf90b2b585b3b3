"""The instructor's board: the state of a class in a browser. It looks, and changes nothing."""
