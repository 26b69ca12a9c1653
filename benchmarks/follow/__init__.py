"""Following logs measured: what reading on costs beside detection, and what a look at files that stand still costs."""
