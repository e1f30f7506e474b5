//! The leader's loop: drives scheduler and controllers, and executes what they decide.
