package federation

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/dunnock-server/dunnock/storage"
)

// MinPassword is the least length of the owner's password, in characters.
const MinPassword = 12

// The cost of a guess: argon2id with 19 MiB and two passes, OWASP's recommendation for little memory.
const (
	argonMemory, argonTime, argonThreads = 19 << 10, 2, 1
	argonSalt, argonKey                  = 16, 32
	passwordSetting                      = "password"
)

// SetPassword sets the password that the owner signs in with, in place of the one before. Only its hash is kept.
func (s *Service) SetPassword(ctx context.Context, password string) error {
	if utf8.RuneCountInString(password) < MinPassword {
		return invalid(fmt.Sprintf("a password has at least %d characters", MinPassword))
	}
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	hash := fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
	return s.DB.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		return tx.SetSetting(ctx, passwordSetting, hash)
	})
}

// CheckPassword says whether password is the owner's. Without a password set, none is.
func (s *Service) CheckPassword(ctx context.Context, password string) (bool, error) {
	hash, err := s.DB.Setting(ctx, passwordSetting)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return false, errors.New("the stored password hash cannot be read")
	}
	var memory, passes uint32
	var threads uint8
	_, scan := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads)
	salt, badSalt := base64.RawStdEncoding.DecodeString(parts[4])
	want, badKey := base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(scan, badSalt, badKey); err != nil {
		return false, errors.New("the stored password hash cannot be read")
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}
