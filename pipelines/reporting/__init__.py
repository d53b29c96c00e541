"""What people read: leaderboard, significance, pictures, the page."""
