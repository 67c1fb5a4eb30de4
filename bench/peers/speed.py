#!/usr/bin/python3
"""Speed and memory of hilum beside PyTorch, ONNX Runtime and oneDNN, by turns in one run; writes ../RESULTS.md and ../results.svg.

  speed.py [--nets NET...] [--rounds N] [--isa avx2] [--out DIR]

Each round runs for every net a training of hilum and of PyTorch (batch 4) by turns, twice, and an inference of hilum and of ONNX Runtime
(batch 1), three times, 256x256, two threads, each in a process of its own; figures are medians over all turns of each process's median.
Where the processor has AVX512_BF16 hilum trains in bf16 too.
Single 3x3 convolutions run twice by hilum, PyTorch and oneDNN's Winograd. A call during which other processes took more than a tenth of the
processors, or the host kept them, is made again, up to three times. PyTorch runs at its best here: channels_last and a malloc that keeps its
pages. Run it by `make bench-peers`, which installs what it needs. --isa avx2 caps hilum, PyTorch and oneDNN at AVX2.
"""
import argparse, json, os, platform, re, resource, statistics, subprocess, sys, time
HERE = os.path.dirname(os.path.abspath(__file__)); ROOT = os.path.dirname(os.path.dirname(HERE)); BUILD = os.path.join(ROOT, 'build'); WORK = os.path.join(BUILD, 'peers')
NETS = [d + '-' + e for e in ('vgg16', 'resnet34', 'densenet169', 'efficientnetb1') for d in ('unet', 'linknet')]
SHAPES = [(64, 64, 256), (128, 128, 128), (256, 256, 64), (512, 512, 32), (512, 512, 16), (768, 256, 32), (192, 64, 128), (96, 32, 128), (16, 16, 256)]
PASSES = ['forward', 'backward_data', 'backward_weights']
TURNS = {'train': 2, 'infer': 3}; CONVOLUTION_TURNS = 2 # of a round, one after the other: the machine's speed wanders
TORCH = {'MALLOC_MMAP_THRESHOLD_': '8589934592', 'MALLOC_TRIM_THRESHOLD_': '34359738368', 'MALLOC_TOP_PAD_': '268435456'}

def environment(isa, **more):
    env = {k: v for k, v in os.environ.items() if not re.match('OPENBLAS_|OMP_|GOMP_|HILUM_', k)}
    if isa == 'avx2': env.update(HILUM_ISA='avx2', DNNL_MAX_CPU_ISA='AVX2', ATEN_CPU_CAPABILITY='avx2')
    env.update(more); return env

def ticks():
    """Processor time that others had, and that the host took: user, nice, system, irq, softirq; steal."""
    f = [int(v) for v in open('/proc/stat').readline().split()[1:]]
    return f[0] + f[1] + f[2] + f[5] + f[6], f[7]

def call(words, env):
    """The last line's JSON of a command, of its quietest run of up to three."""
    best = None
    for attempt in range(3):
        own = resource.getrusage(resource.RUSAGE_CHILDREN); before = ticks(); start = time.time()
        text = subprocess.run(words, env=env, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        seconds = time.time() - start; after = ticks(); used = resource.getrusage(resource.RUSAGE_CHILDREN)
        mine = used.ru_utime + used.ru_stime - own.ru_utime - own.ru_stime
        noise = max(0, (after[0] - before[0]) / os.sysconf('SC_CLK_TCK') - mine + (after[1] - before[1]) / os.sysconf('SC_CLK_TCK')) / seconds / os.cpu_count()
        if not best or noise < best[0]: best = noise, json.loads(text.strip().split('\n')[-1])
        if noise < 0.1: break
    return best[1]

def onnx(net):
    path = os.path.join(WORK, net + '.onnx')
    if not os.path.exists(path): subprocess.run(['/usr/bin/python3', os.path.join(HERE, 'torch_nets.py'), 'onnx', net, '--size', '256', '--batch', '1', '--out', path], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return path

def trains_in_bf16(a):
    """Whether this machine does: hilum says no with status 2."""
    words = [os.path.join(BUILD, 'hilum'), 'bench', 'unet-vgg16', '--size', '32', '--batch', '1', '--iters', '1', '--precision', 'bf16']
    return subprocess.run(words, env=environment(a.isa), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

def nets(a):
    calls = {'hilum train': lambda n: ([os.path.join(BUILD, 'hilum'), 'bench', n, '--mode', 'train', '--batch', '4', '--iters', '5', '--threads', '2', '--json'], {}),
             'torch train': lambda n: (['/usr/bin/python3', os.path.join(HERE, 'torch_nets.py'), 'step', n, '--batch', '4', '--size', '256', '--threads', '2'], TORCH),
             'hilum infer': lambda n: ([os.path.join(BUILD, 'hilum'), 'bench', n, '--mode', 'infer', '--batch', '1', '--iters', '15', '--threads', '2', '--json'], {}),
             'ort infer': lambda n: (['node', os.path.join(WORK, 'ort_infer.js'), onnx(n), '2', '256', '1', '15'], {})}
    if a.isa == 'avx2': del calls['ort infer']
    if trains_in_bf16(a): calls['hilum bf16 train'] = lambda n: (calls['hilum train'](n)[0] + ['--precision', 'bf16'], {})
    found = {n: {c: [] for c in calls} for n in a.nets}
    for r in range(a.rounds):
        for n in a.nets:
            for turn in [t for t, count in TURNS.items() for _ in range(count)]:
                for name in [c for c in calls if c.endswith(turn)]:
                    words, env = calls[name](n); found[n][name].append(call(words, environment(a.isa, **env)))
            print(f'round {r + 1}, {n}: ' + ', '.join(f'{c} {found[n][c][-1]["ms_per_image_median"]:.1f} ms' for c in calls), file=sys.stderr, flush=True)
    middle = lambda runs, key: statistics.median(x[key] for x in runs)
    return {n: {c: {'ms': middle(runs, 'ms_per_image_median'), 'mb': middle(runs, 'peak_rss_mb')} for c, runs in of.items()} for n, of in found.items()}

TORCH_CONV = '''
import sys, time, json, torch, torch.nn.functional as F
torch.set_num_threads(2); out = {}
for shape in sys.argv[1:]:
    ci, co, s = map(int, shape.split(','))
    x = torch.randn(4, ci, s, s).contiguous(memory_format=torch.channels_last); w = torch.randn(co, ci, 3, 3).contiguous(memory_format=torch.channels_last)
    g = torch.randn(4, co, s, s).contiguous(memory_format=torch.channels_last); f = 18 * 4 * s * s * ci * co
    conv = lambda mask: torch.ops.aten.convolution_backward(g, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask)
    rates = []
    with torch.no_grad():
        for run in (lambda: F.conv2d(x, w, padding=1), lambda: conv([True, False, False]), lambda: conv([False, True, False])):
            run(); times = []
            for i in range(7): t = time.time(); run(); times.append(time.time() - t)
            rates.append(f / sorted(times)[3] * 1e-9)
    out[shape] = rates
print(json.dumps(out))
'''

def convolutions(a):
    names = [','.join(map(str, s)) for s in SHAPES]; found = {k: {n: [] for n in names} for k in ('hilum', 'torch', 'onednn')}
    for r in range(a.rounds):
        for n, (ci, co, s) in [x for x in zip(names, SHAPES) for _ in range(CONVOLUTION_TURNS)]:
            rows = call([os.path.join(BUILD, 'hilum'), 'bench', '--kernels', '--shape', f'3x3 {ci}->{co} @{s}', '--threads', '2', '--json'], environment(a.isa))['kernels']
            found['hilum'][n].append([next(k[p]['gflops_per_second'] for k in rows if k[p]['chosen']) for p in PASSES])
            for side, words in (('torch', ['/usr/bin/python3', '-c', TORCH_CONV, n]), ('onednn', [os.path.join(WORK, 'onednn'), n])):
                found[side][n].append(call(words, environment(a.isa, OMP_NUM_THREADS='2', **TORCH))[n])
        print(f'round {r + 1}, convolutions', file=sys.stderr, flush=True)
    return {side: {n: [statistics.median(r[p] for r in runs) for p in range(3)] for n, runs in of.items()} for side, of in found.items()}

def chart(found, path):
    """Bars: how many times faster than the peer, one pair a net."""
    w, bar, gap, left = 760, 15, 14, 170; rows = []; most = 4.0; y = 46; scale = (w - left - 60) / most
    for n, f in found.items():
        bars = [('#2b6a99', 'train', f['torch train']['ms'] / f['hilum train']['ms'])]
        if 'ort infer' in f: bars.append(('#d08a35', 'infer', f['ort infer']['ms'] / f['hilum infer']['ms']))
        rows.append(f'<text x="{left - 10}" y="{y + bar * len(bars) / 2 + 4}" text-anchor="end">{n}</text>')
        for colour, what, ratio in bars:
            rows.append(f'<rect x="{left}" y="{y}" width="{ratio * scale:.1f}" height="{bar - 2}" fill="{colour}"/><text x="{left + ratio * scale + 6:.1f}" y="{y + bar - 4}">{ratio:.2f}</text>'); y += bar
        y += gap
    grid = ''.join(f'<line x1="{left + v * scale:.1f}" x2="{left + v * scale:.1f}" y1="38" y2="{y - gap + 4}" stroke="{"#444" if v == 1 else "#ddd"}"/><text x="{left + v * scale:.1f}" y="{y + 6}" text-anchor="middle">{v}</text>' for v in range(int(most) + 1))
    open(path, 'w').write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{y + 20}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
                          f'<text x="{left}" y="22"><tspan fill="#2b6a99">&#9632;</tspan> training, times faster than PyTorch (batch 4)   <tspan fill="#d08a35">&#9632;</tspan> inference, than ONNX Runtime (batch 1)</text>{grid}{"".join(rows)}</svg>\n')

def report(a, found, convs, machine, path):
    out = [f'# Beside PyTorch, ONNX Runtime and oneDNN\n\nBy `make bench-peers` on {time.strftime("%Y-%m-%d")}: {machine}, 2 threads, 256x256, float32, medians of {"one round" if a.rounds == 1 else f"{a.rounds} rounds"} of two turns (training) or three (inference), convolutions of two'
           + (', all capped at AVX2' if a.isa else '') + '. Ratios hold, milliseconds are the machine\'s of that hour.\n\n![ratios](results.svg)\n',
           '| net | train b4, ms an image | PyTorch | times faster | peak RSS, MiB | PyTorch | share | infer b1, ms | ONNX Runtime | times faster |\n|---|---|---|---|---|---|---|---|---|---|']
    for n, f in found.items():
        h, t = f['hilum train'], f['torch train']
        infer = f"{f['hilum infer']['ms']:.1f} | {f['ort infer']['ms']:.1f} | **{f['ort infer']['ms'] / f['hilum infer']['ms']:.2f}**" if 'ort infer' in f else f"{f['hilum infer']['ms']:.1f} | |"
        out.append(f"| {n} | {h['ms']:.0f} | {t['ms']:.0f} | **{t['ms'] / h['ms']:.2f}** | {h['mb']:.0f} | {t['mb']:.0f} | {h['mb'] / t['mb']:.2f} | {infer} |")
    if any('hilum bf16 train' in f for f in found.values()):
        out.append('\nTraining in bf16 (`--precision bf16`), batch 4:\n\n| net | bf16, ms an image | fp32 | times faster | than PyTorch in float32 | peak RSS, MiB | fp32 | share |\n|---|---|---|---|---|---|---|---|')
        for n, f in found.items():
            b, h, t = f['hilum bf16 train'], f['hilum train'], f['torch train']
            out.append(f"| {n} | {b['ms']:.0f} | {h['ms']:.0f} | **{h['ms'] / b['ms']:.2f}** | {t['ms'] / b['ms']:.2f} | {b['mb']:.0f} | {h['mb']:.0f} | {b['mb'] / h['mb']:.2f} |")
    out.append('\nSingle 3x3 convolutions, batch 4, GFLOP/s (direct operations over time), hilum / PyTorch / oneDNN\'s Winograd:\n\n| shape | forward | to the data | to the weights |\n|---|---|---|---|')
    for n in convs['hilum']:
        ci, co, s = n.split(',')
        out.append(f'| {ci}->{co} @{s} | ' + ' | '.join(' / '.join(f'{convs[side][n][p]:.0f}' for side in ('hilum', 'torch', 'onednn')) for p in range(3)) + ' |')
    open(path, 'w').write('\n'.join(out) + '\n')

ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument('--nets', nargs='*', default=NETS); ap.add_argument('--rounds', type=int, default=3); ap.add_argument('--isa', choices=['avx2']); ap.add_argument('--out', default=os.path.join(ROOT, 'bench'))
a = ap.parse_args(); os.makedirs(WORK, exist_ok=True)
model = re.search('model name\\s*: (.*)', open('/proc/cpuinfo').read()); machine = model.group(1) if model else platform.machine()
found = nets(a); convs = convolutions(a)
chart(found, os.path.join(a.out, 'results.svg')); report(a, found, convs, machine, os.path.join(a.out, 'RESULTS.md'))
print(open(os.path.join(a.out, 'RESULTS.md')).read())
