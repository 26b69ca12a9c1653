"""
Telling a person: one module a receiver, each a `keywatch.model.source.Notifier`.

`switchboard` picks the receiver by the delivery's channel; `slack_blocks` and `console` say how a message looks.
"""
