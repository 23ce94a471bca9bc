"""The steps of a flow that speak and listen: play, say, menu, collect, hang up."""
