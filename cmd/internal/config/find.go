package config

import (
	"errors"
	"os"
	"path/filepath"
)

const (
	// FileName is the configuration in the working directory.
	FileName = "dunnock.toml"
	// Variable names the environment variable with the path of the configuration.
	Variable = "DUNNOCK_CONFIG"
	// TrialDir is where a node without any configuration lives, below the working directory.
	TrialDir = "dunnock-data"
)

// Find gives the path of the configuration: flag if it is not empty, else $DUNNOCK_CONFIG, else ./dunnock.toml. When
// none of them is there, it is the trial's, which need not exist yet, and trial is true. What flag and variable name is
// not looked at: a mistyped path must not turn into a trial.
func Find(flag string) (path string, trial bool, err error) {
	if flag != "" {
		return flag, false, nil
	}
	if path := os.Getenv(Variable); path != "" {
		return path, false, nil
	}
	switch _, err := os.Lstat(FileName); {
	case err == nil:
		return FileName, false, nil
	case !errors.Is(err, os.ErrNotExist):
		return "", false, err
	}
	return filepath.Join(TrialDir, FileName), true, nil
}
