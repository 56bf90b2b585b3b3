"""What the images are made of, how they are built, and how they come to another engine."""
