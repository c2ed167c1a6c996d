"""The world a sandbox begins with: organizations, directories, invented people, ninety days of history."""
