package config

// Lines gives the line of each key that is written in a TOML file, by its dotted path as it is spelled, elements of arrays of
// tables numbered from 0: "key.0.name". Of a file that is not TOML it gives what comes before the fault.
func Lines(data []byte) map[string]int { return outline(data).lines }
