package op_test

import "testing"

func TestAttentionGrad(t *testing.T) { checkAttentionGrad(t, "pmx.AttentionGrad", attentionTokens) }
