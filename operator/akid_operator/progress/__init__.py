"""How far jobs are: their chiefs are asked, apart from the work on the jobs."""
