"""
From what is known to what is told: problems, the life of their alerts, and the way to the person who must act.

`problems` and `lifecycle` decide what is wrong and what of it is news; `routing` and `grouping` decide who hears of it
in how many messages; all four are pure. `outbox` sees to it that every message arrives.
"""
