"""The images' contents, how they are built, and how they are copied to another engine."""
