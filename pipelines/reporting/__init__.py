"""Reports: the leaderboard as text, plots, views of the tasks, and the report's page."""
