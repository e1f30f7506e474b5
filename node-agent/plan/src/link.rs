//! Which master the agent is subscribed to, and when to dial again.
