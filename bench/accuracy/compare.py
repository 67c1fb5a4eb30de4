#!/usr/bin/python3
"""Dice of hilum and of PyTorch side by side, trained from scratch on the same folds of real slices. Results are kept in results.csv.

  compare.py run MANIFEST [--only WORD...] [--threads N] [--runs DIR]
                                                           runs what results.csv lacks, one training after another; may be stopped and run
                                                           again; keeps hilum's run folders in DIR, for calibrate
  compare.py table                                         prints the tables from results.csv

Trainings: crossval (unet-vgg16, five folds, 64x64, 6 epochs), centre (unet-vgg16 trained on the first centre of the manifest, tested on the
second), eight (each of the eight nets, fold 0, 2 epochs); seeds 0 to 2. PyTorch's side is ../peers/train.py: He-uniform as ours, the same
folds, loss and schedule, no early stopping. --only takes those whose name holds every WORD, such as `--only crossval torch`.
Needs python3-torch, python3-numpy, python3-pil and build/hilum. A training's minutes are those of the machine as it was.
"""
import argparse, csv, json, os, subprocess, sys, tempfile, time
HERE = os.path.dirname(os.path.abspath(__file__)); ROOT = os.path.dirname(os.path.dirname(HERE))
RESULTS = os.path.join(HERE, 'results.csv'); FIELDS = ['study', 'side', 'net', 'seed', 'fold', 'case', 'dice', 'minutes']
EIGHT = [d + '-' + e for d in ('unet', 'linknet') for e in ('vgg16', 'resnet34', 'densenet169', 'efficientnetb1')]
STUDIES = {'crossval': (['unet-vgg16'], range(5), 6), 'centre': (['unet-vgg16'], [0], 6), 'eight': (EIGHT, [0], 2)}

def read_results():
    return list(csv.DictReader(open(RESULTS))) if os.path.exists(RESULTS) else []

def keep(study, side, net, seed, fold, cases, minutes):
    new = not os.path.exists(RESULTS)
    with open(RESULTS, 'a', newline='') as f:
        out = csv.writer(f, lineterminator='\n')
        if new: out.writerow(FIELDS)
        for case, dice in sorted(cases.items()): out.writerow([study, side, net, seed, fold, case, f'{dice:.4f}', f'{minutes:.1f}'])

def make_folds(manifest, folder):
    """folds.csv for each study: hilum's own for crossval; its fold 0; one centre against the other."""
    path = {s: os.path.join(folder, s + '.csv') for s in STUDIES}; run = os.path.join(folder, 'folds')
    subprocess.run([HILUM, 'crossval', manifest, '--net', 'unet-vgg16', '--width', '0.125', '--size', '32', '--epochs', '1', '--train-slices', 'lesion', '--out', run], check=True)
    rows = list(csv.DictReader(open(os.path.join(run, 'folds.csv'))))
    centres = {}
    for r in csv.DictReader(open(manifest)): centres.setdefault(r['centre'], set()).add(r['patient'])
    first, second = sorted(centres)[:2]
    def write(study, rows):
        with open(path[study], 'w') as f: f.write('patient,fold,role\n' + ''.join(f'{p},{k},{r}\n' for p, k, r in rows))
    write('crossval', [(r['patient'], r['fold'], r['role']) for r in rows])
    write('eight', [(r['patient'], 0, r['role']) for r in rows if r['fold'] == '0'])
    write('centre', [(p, 0, 'train') for p in sorted(centres[first])] + [(p, 0, 'test') for p in sorted(centres[second])])
    return path, first, second

def torch(a, study, net, seed, fold, epochs, folds):
    env = {k: v for k, v in os.environ.items() if not k.startswith('OPENBLAS_')}
    env.update(MALLOC_MMAP_THRESHOLD_='8589934592', MALLOC_TRIM_THRESHOLD_='34359738368', MALLOC_TOP_PAD_='268435456')
    text = subprocess.run(['/usr/bin/python3', os.path.join(ROOT, 'bench/peers/train.py'), net, a.manifest, '--folds', folds, '--fold', str(fold), '--size', '64', '--epochs', str(epochs),
                           '--seed', str(seed), '--threads', str(a.threads), '--score', 'last'], env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(text.strip().split('\n')[-1])['cases']

def ours(a, study, net, seed, epochs, folds, first, second, folder):
    """All folds of a study at once: {fold: cases}."""
    run = os.path.join(folder, f'{study}-{net}-{seed}'); words = ['--net', net, '--size', '64', '--epochs', str(epochs), '--seed', str(seed), '--threads', str(a.threads), '--out', run]
    if study == 'centre':
        subprocess.run([HILUM, 'train', a.manifest, '--centre', first, '--val', '0'] + words, check=True)
        text = subprocess.run([HILUM, 'evaluate', run, a.manifest, '--centre', second, '--json'], check=True, stdout=subprocess.PIPE, text=True).stdout
        return {0: {c['case']: c['dsc'] for c in json.loads(text)['cases']}}
    subprocess.run([HILUM, 'crossval', a.manifest, '--folds', folds] + words, check=True)
    role = {r['patient']: int(r['fold']) for r in csv.DictReader(open(folds)) if r['role'] == 'test'}; of_fold = {}
    for c in json.load(open(os.path.join(run, 'metrics.json')))['cases']: of_fold.setdefault(role[c['patient']], {})[c['case']] = c['dsc']
    return of_fold

def run(a):
    with tempfile.TemporaryDirectory() as temporary:
        folder = a.runs or temporary; os.makedirs(folder, exist_ok=True)
        folds, first, second = make_folds(a.manifest, temporary)
        for study, (nets, numbers, epochs) in STUDIES.items():
            for net in nets:
                for seed in range(3):
                    done = {(r['side'], int(r['fold'])) for r in read_results() if (r['study'], r['net'], r['seed']) == (study, net, str(seed))}
                    wanted = lambda side: all(w in f'{study} {side} {net} seed-{seed}' for w in a.only)
                    if ('hilum', 0) not in done and wanted('hilum'):
                        start = time.time(); found = ours(a, study, net, seed, epochs, folds[study], first, second, folder); minutes = (time.time() - start) / 60 / len(found)
                        for fold, cases in sorted(found.items()): keep(study, 'hilum', net, seed, fold, cases, minutes)
                    for fold in numbers:
                        if ('torch', fold) in done or not wanted('torch'): continue
                        start = time.time(); cases = torch(a, study, net, seed, fold, epochs, folds[study]); keep(study, 'torch', net, seed, fold, cases, (time.time() - start) / 60)

def mean(values):
    values = list(values); return sum(values) / len(values) if values else float('nan')

def table(a):
    rows = read_results()
    for study, (nets, numbers, epochs) in STUDIES.items():
        for net in nets:
            mine = [r for r in rows if (r['study'], r['net']) == (study, net)]
            if not mine: continue
            print(f'\n{study}, {net}, {epochs} epochs: mean Dice over folds of the mean over cases\n\n| | seed 0 | seed 1 | seed 2 | mean | minutes a fold |\n|---|---|---|---|---|---|')
            for side in ('hilum', 'torch'):
                folds = {}; here = [r for r in mine if r['side'] == side]
                for r in here: folds.setdefault((int(r['seed']), int(r['fold'])), []).append(float(r['dice']))
                seeds = [mean(mean(v) for (s, k), v in folds.items() if s == seed) for seed in range(3)]; known = [v for v in seeds if v == v]
                marks = [f'{v:.3f}' + ('' if sum(s == i for s, k in folds) == len(numbers) else ' (some folds)') if v == v else '' for i, v in enumerate(seeds)]
                print(f'| {side} | ' + ' | '.join(marks) + f' | {mean(known):.3f} | {mean(float(r["minutes"]) for r in here):.1f} |')
            if study == 'eight': continue
            print('\n| case | ' + ' | '.join(f'{side} {seed}' for side in ('hilum', 'torch') for seed in range(3)) + ' |\n|' + '---|' * 7)
            for case in sorted({r['case'] for r in mine}):
                cell = lambda side, seed: next((f'{float(r["dice"]):.3f}' for r in mine if (r['side'], r['seed'], r['case']) == (side, str(seed), case)), '')
                print(f'| {case} | ' + ' | '.join(cell(side, seed) for side in ('hilum', 'torch') for seed in range(3)) + ' |')

HILUM = os.path.join(ROOT, 'build/hilum')
ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter); sub = ap.add_subparsers(dest='verb', required=True)
r = sub.add_parser('run'); r.add_argument('manifest'); r.add_argument('--only', nargs='*', default=[]); r.add_argument('--threads', type=int, default=2); r.add_argument('--runs', metavar='DIR'); r.set_defaults(call=run)
t = sub.add_parser('table'); t.set_defaults(call=table)
a = ap.parse_args(); a.call(a)
