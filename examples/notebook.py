# %% [markdown]
# # A network that learns to add
#
# Cells as in a notebook: VS Code, Spyder and Jupytext run them one by one, Python all at once.

# %%
import numpy as np

import binadd

# %% [markdown]
# ## One sum
#
# Each step reads one bit of each number, the least significant first, so that the carry travels
# forward in time, as it does on paper.

# %%
X = binadd.encode([(23, 42)])
print("step       ", *range(X.shape[1]))
print("23         ", *X[0, :, 0])
print("42         ", *X[0, :, 1])

net = binadd.BinaryAdderRNN(hidden_size=16, seed=0)
print("untrained  ", *net.predict(X)[0], f"= {net.add(23, 42)}")

# %% [markdown]
# ## Training
#
# On random 8-bit sums, one at a time, until it is *proved* that the network adds numbers of every
# length. The same seed gives the same weights on every machine.

# %%
run = binadd.train(net, bits=8)
print("trained    ", *net.predict(X)[0], f"= {net.add(23, 42)}")
print(run)

# %% [markdown]
# It has seen nothing longer than 8 bits. It need not have: it has learnt the carry.

# %%
a, b = 3**200, 7**100
print(f"{a.bit_length()} bits + {b.bit_length()} bits:", net.add(a, b) == a + b)

# %% [markdown]
# ## What the hidden units know
#
# Whether the carry is 0 or 1 must be in the hidden state somewhere. How well does each unit alone
# tell the two apart?

# %%
rng = np.random.default_rng(0)
X = rng.integers(0, 2, (1000, 8, 2))
states = net.hidden_states(X)  # (1000, 8, 16)

carry = np.zeros((1000, 9), int)
for t in range(8):
    carry[:, t + 1] = (X[:, t].sum(axis=1) + carry[:, t]) // 2

for unit in range(16):
    low, high = (states[carry[:, 1:] == value, unit].mean() for value in (0, 1))
    bar = "#" * round(20 * abs(high - low))
    print(f"unit {unit:2}   carry 0: {low:.2f}   carry 1: {high:.2f}   {bar}")

# %% [markdown]
# ## Right on every sum that one can try is not right
#
# This network adds all 65,536 pairs of 8-bit numbers correctly. And yet there are sums that it
# gets wrong: `prove` finds one.

# %%
hasty = binadd.BinaryAdderRNN(seed=1)
print(binadd.train(hasty, bits=8, until="exact"))
verdict = binadd.prove(hasty)
a, b = verdict.operands
print(f"{a} + {b}: it says {verdict.got}, the sum is {verdict.expected}")

# %% [markdown]
# Training until proved goes on from there. A few more sums, and there is none left to be found:
# not of any length.

# %%
print(binadd.train(hasty, bits=8))
print(f"{a} + {b}: it says {hasty.add(a, b)}")
print("margin of the worst logit:", round(binadd.prove(hasty).margin, 3))
