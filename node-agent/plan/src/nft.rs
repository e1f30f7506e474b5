//! Which nftables rules and map elements make services work.
