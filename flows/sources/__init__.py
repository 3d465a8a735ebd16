"""Where market data come from: one module per source, all behind `flows.sources.delivery.Source`."""
