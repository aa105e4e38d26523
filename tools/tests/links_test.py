"""The project's own pages: what they link to is there."""
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LINK = re.compile(r'\]\(([^)#\s]+)(?:#[^)]*)?\)')


class Links(unittest.TestCase):
    def test_every_relative_link_of_a_page_leads_to_a_file(self):
        listed = subprocess.run(['git', 'ls-files', '--cached', '--others', '--exclude-standard', '*.md'], cwd=ROOT,
                                capture_output=True, text=True, check=True).stdout.split('\n')
        pages = [ROOT / name for name in listed if name and (ROOT / name).is_file()]
        self.assertGreater(len(pages), 5)
        broken = []
        for page in pages:
            for number, line in enumerate(page.read_text().splitlines(), 1):
                for target in LINK.findall(re.sub(r'`[^`]*`', '', line)):
                    if '://' not in target and not target.startswith('mailto:') and not (page.parent / target).exists():
                        broken.append(f'{page.relative_to(ROOT)}:{number}: {target} is not there')
        self.assertEqual(broken, [])


if __name__ == '__main__':
    unittest.main()
